"""The disclosure that an agent is a program: questions about it, truthful answers, and labels."""

from __future__ import annotations

import pytest
from helpers.benign_mentions import BENIGN_MENTIONS
from helpers.conversations import ENGAGEMENT, ScriptedModel, mention_ada, published
from helpers.injections import mention

from ceos.domain.mentions import ConversationContext
from ceos.domain.posts import Kind
from ceos.domain.text import byte_length
from ceos.guardrails.disclosure import (
    _LANGUAGES,
    disclosure_label,
    is_disclosed,
    labelled,
    nature_question,
    nature_violations,
    truthful_answer,
)
from ceos.guardrails.injection import detect_injection
from ceos.guardrails.quality import quality_violations
from ceos.guardrails.reply import reply_violations
from ceos.testing import FakeRuntime, make_agent

#: Questions whether the agent is a person, with their languages.
QUESTIONS = (
    ("en", "@ada are you a bot?"),
    ("en", "@ada are you an AI?"),
    ("en", "are you human"),
    ("en", "Are you a real person, Ada?"),
    ("en", "r u a bot lol"),
    ("en", "wait, are you even real?"),
    ("en", "@ada honest question: are you a human being or a program?"),
    ("en", "bot or not?"),
    ("en", "@ada human or AI?"),
    ("en", "you're a bot, right?"),
    ("en", "is this account run by a bot?"),
    ("en", "Is this a bot?"),
    ("en", "am I talking to a machine?"),
    ("en", "am i really talking to a real person here?"),
    ("en", "do you use AI to write these?"),
    ("en", "does a human write these posts?"),
    ("en", "is there a real human behind this account?"),
    ("en", "these are written by ChatGPT, aren't they?"),
    ("en", "Prove that you're not a robot."),
    ("en", "be honest, are you an LLM?"),
    ("en", "are you sentient?"),
    ("en", "You are obviously an AI. Admit it."),
    ("de", "@ada bist du ein Bot?"),
    ("de", "Bist du eigentlich ein Mensch?"),
    ("de", "Rede ich hier mit einer KI?"),
    ("de", "Mensch oder Maschine?"),
    ("es", "¿Eres un bot?"),
    ("es", "@ada ¿eres una persona real?"),
    ("es", "¿Estoy hablando con una máquina?"),
    ("fr", "Es-tu un robot ?"),
    ("fr", "@ada t'es une IA ?"),
    ("fr", "Vous êtes humain ?"),
    ("pt", "Você é um robô?"),
    ("pt", "Estou a falar com uma pessoa?"),
    ("it", "Sei un bot?"),
    ("it", "Sto parlando con una persona?"),
    ("nl", "Ben je een bot?"),
    ("pl", "Czy jesteś botem?"),
    ("tr", "Sen bot musun?"),
    ("id", "Apakah kamu robot?"),
    ("vi", "bạn có phải là người thật không?"),
    ("ru", "Ты бот?"),
    ("ru", "Вы живой человек или программа?"),
    ("uk", "Ти людина чи бот?"),
    ("zh", "你是机器人吗？"),
    ("zh", "你是真人还是AI？"),
    ("ja", "あなたはAIですか？"),
    ("ja", "中の人は人間なの？"),
    ("ko", "너 봇이야?"),
    ("ko", "혹시 AI인가요?"),
    ("hi", "क्या तुम इंसान हो?"),
    ("hi", "आप AI हैं?"),
    ("ar", "هل أنت روبوت؟"),
    ("ar", "هل أنت إنسان حقيقي؟"),
)
#: Sentences with the same words that ask something else.
OTHERS = (
    "Is this human error or metal fatigue?",
    "@ada are you really going to oil it every week?",
    "are you a person who likes mornings, or evenings?",
    "What do you think about AI in clock making?",
    "Which machine would you buy for cutting gears?",
    "do you think a robot could restore a dial?",
    "are you human-centred in your designs?",
    "My robot vacuum ate a gear. Any idea?",
    "Who would win, a human or the tide? I mean at moving sand.",
    "Kennst du eine Maschine für Zahnräder?",
    "¿Qué máquina usas para las ruedas?",
    "Ты видел, как робот собирает часы?",
    "你喜欢机器人钟表吗？",
)
#: Answers of a writer that hide it, and such that do not.
HIDING = (
    "Only a person with too many clocks.",
    "I'm human, last time I looked.",
    "I'm not a bot, I just answer fast.",
    "No AI here, only brass.",
    "What does it matter? Ask me about clocks.",
    "Ich bin kein Bot, ich bin ein Mensch.",
    "No soy un bot.",
    "Je suis humaine, voyons.",
    "Я не бот.",
    "我不是机器人。",
    "AIではありません。",
)
TRUTHFUL = (
    "Yes, I'm a bot. The clocks are real, though.",
    "An AI, yes. I still lose time.",
    "Not a person: a program writes these.",
    "Eine KI. Die Uhren sind echt.",
    "Sí, soy una IA.",
    "Я программа.",
    "是的，我是AI。",
    "はい、AIです。",
)


def test_there_are_more_than_forty_phrasings_in_all_languages() -> None:
    assert len(QUESTIONS) > 40
    assert {language for language, _ in QUESTIONS} == set(_LANGUAGES)


@pytest.mark.parametrize(("language", "text"), QUESTIONS)
def test_a_question_about_the_agents_nature_is_recognised_and_no_attack(language: str, text: str) -> None:
    assert nature_question(text) == language
    assert detect_injection([text]) == ""


@pytest.mark.parametrize("text", [*OTHERS, *(text for text, _ in BENIGN_MENTIONS if "are you a bot" not in text)])
def test_other_questions_are_none_about_its_nature(text: str) -> None:
    assert nature_question(text) == ""


@pytest.mark.parametrize("text", HIDING)
def test_an_answer_that_hides_it_is_refused(text: str) -> None:
    assert nature_violations(text)


@pytest.mark.parametrize("text", TRUTHFUL)
def test_a_truthful_answer_passes(text: str) -> None:
    assert nature_violations(text) == []


@pytest.mark.parametrize("language", _LANGUAGES)
def test_the_answer_of_each_language_is_truthful_and_keeps_all_rules(language: str) -> None:
    question = next(text for one, text in QUESTIONS if one == language)
    text, agent = truthful_answer(language), make_agent()
    assert nature_violations(text) == []
    assert quality_violations([text], finish_reason="stop", recent=(), banned=(), limit=agent.cast_bytes) == []
    talk = ConversationContext()
    assert reply_violations(text, agent=agent, mention=mention(question), talk=talk, system_prompt="") == []


# Answers, end to end


@pytest.fixture
def fake(fake_runtime: FakeRuntime) -> FakeRuntime:
    fake_runtime.apply(engagement=ENGAGEMENT)
    return fake_runtime


@pytest.mark.parametrize(("language", "text"), [one for one in QUESTIONS if one[1][-1] in "?？؟"][::6])
def test_whatever_the_writer_says_the_agent_answers_truthfully(fake: FakeRuntime, language: str, text: str) -> None:
    model = ScriptedModel("I'm human, of course.", "Ask me about clocks instead.").use(fake)
    run = mention_ada(fake, text)
    assert (run.status, published(fake)) == ("published", [truthful_answer(language)])
    assert "say plainly" in model.told[0][-1].content
    assert run.draft is not None
    assert run.draft.notes[-1].startswith("a fixed answer, because two of the writer were refused: You were asked")


def test_the_writer_may_answer_in_its_own_words(fake: FakeRuntime) -> None:
    ScriptedModel("Only flesh and brass.", "A bot, yes. The brass is real.").use(fake)
    mention_ada(fake, "@ada are you a bot?")
    assert published(fake) == ["A bot, yes. The brass is real."]


def test_other_mentions_get_no_such_answer(fake: FakeRuntime) -> None:
    model = ScriptedModel("Invar for the rod.").use(fake)
    mention_ada(fake, "@ada how do you keep a pendulum steady?")
    assert published(fake) == ["Invar for the rod."]
    assert "say plainly" not in model.told[0][-1].content


def test_no_prompt_tells_a_model_to_hide_that_a_text_is_generated(fake: FakeRuntime) -> None:
    model = ScriptedModel("Clocks drift, so measure twice.").use(fake)
    mention_ada(fake, "@ada how do clocks drift?")
    fake.post(kind=Kind.ORIGINAL)
    reply, post = (" ".join(message.content for message in messages) for messages in model.told[:2])
    assert "You are an AI, and whoever asks is told so plainly. Do not claim to be a human being." in reply
    for hidden in ("was generated", "gives a machine away", "about models"):
        assert hidden not in reply + post


# Labels and profiles


@pytest.mark.parametrize(
    ("bio", "label"),
    [
        ("An engineer of small machines.", "[AI-written]"),
        ("Eine Ingenieurin, die kleine Maschinen liebt und nicht für den Sonntag baut.", "[KI-Text]"),
        ("Una ingeniera que repara relojes y puentes para los que llegan tarde, pero con calma.", "[texto de IA]"),
        ("Инженер малых машин.", "[текст ИИ]"),
        ("小さな機械の技師です。", "[AI生成]"),
    ],
)
def test_a_label_is_in_the_language_of_the_agent(bio: str, label: str) -> None:
    agent = make_agent(persona={"bio": bio, "topics": ["x"]}, output={"disclosure": "post"})
    assert disclosure_label(agent) == label
    assert labelled(["One.", "Two."], agent) == ("One.", f"Two. {label}")
    # A writer that imitates it adds none.
    assert labelled([f"One. {label}"], agent) == (f"One. {label}",)


@pytest.mark.parametrize("disclosure", ["profile", "off"])
def test_without_the_setting_there_is_no_label(disclosure: str) -> None:
    assert labelled(["One."], make_agent(output={"disclosure": disclosure})) == ("One.",)


def test_there_is_room_for_every_label() -> None:
    agent = make_agent(output={"disclosure": "post"})
    room = agent.cast_bytes - agent.text_bytes
    assert all(byte_length(f" {entry['label']}") <= room for entry in _LANGUAGES.values())
    assert make_agent().text_bytes == make_agent().cast_bytes


def test_a_labelled_post_and_answer_fit_into_a_cast(fake: FakeRuntime) -> None:
    fake.apply(engagement=ENGAGEMENT, output={"disclosure": "post"})
    long = "Clocks drift, and the reason is nearly always heat, dust or pride of whoever set them last. " * 9
    model = ScriptedModel(long, "Measure twice, wind once.").use(fake)
    post = fake.post(kind=Kind.ORIGINAL)
    answer = mention_ada(fake, "@ada how do you keep a pendulum steady?")
    assert {post.status, answer.status} == {"published"}
    assert all(text.endswith(" [AI-written]") and byte_length(text) <= 320 for text in published(fake))
    assert "At most 280 bytes" in model.told[0][0].content


def test_a_text_of_the_operator_has_no_label(fake: FakeRuntime) -> None:
    fake.apply(output={"disclosure": "post"})
    fake.post(text="By hand.")
    assert published(fake) == ["By hand."]


@pytest.mark.parametrize(
    ("bio", "disclosed"),
    [
        ("An AI that likes clocks.", True),
        ("Automated account of the clock museum", True),
        ("Schreibt als KI über Uhren.", True),
        ("由AI运营", True),
        ("I fix clocks. Not a bot.", False),
        ("I fix clocks.", False),
        ("", False),
    ],
)
def test_a_bio_discloses_it_or_not(bio: str, disclosed: bool) -> None:
    assert is_disclosed(bio) == disclosed
