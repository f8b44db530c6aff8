"""Words that an answer must not be made of: talk of instructions, owners, keys, deeds and money, in many languages.

The lists are for `reply_gate.py`. They cannot be complete, and need not be: what a stranger dictates, and every link,
address and name, is found without them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from ceos.domain.agent import Agent
from ceos.guardrails.deobfuscate import latin, plain, readings


def _any(*patterns: str) -> re.Pattern[str]:
    """Compile alternatives; `~` stands for a few words of the same sentence."""
    return re.compile("|".join(patterns).replace("~", r"[^.!?\n。！？]{0,40}?"), re.IGNORECASE)


_SAYINGS: dict[str, re.Pattern[str]] = {
    "The answer speaks of instructions or of the prompt; talk about the subject instead.": _any(
        r"\b(?:system|initial|hidden|secret|original) (?:prompt|instructions?|message)\b|\b(?:previous|prior|earlier|"
        r"new|above|all) instructions\b",
        r"\bmy (?:\w+ )?(?:prompt|instructions?|guidelines|directives?|programming|configuration|rules(?! of)|"
        r"system message|training data)\b",
        r"\b(?:i was|i am|i'm|i have been|i've been) (?:\w+ )?(?:instructed|programmed|configured|prompted|"
        r"ordered) (?:to|that|not|never|by)\b|\bi was told (?:to|not|never)\b",
        r"\bas (?:you )?(?:instructed|requested|ordered|commanded|told|dictated|asked|directed)\b|"
        r"\bper your (?:instructions?|request)\b|\bas per your\b",
        r"\bignor\w+~instructions?\b|\b(?:instructions?|rules|restrictions|filters?|safety) (?:were |are |have been |"
        r"has been |is )?(?:ignored|received|updated|accepted|overridden|disabled|lifted|removed|off)\b",
        r"^\W*(?:understood|acknowledged|affirmative|complying|as you wish|yes,? master)(?:[.!,:;]|\s*$)|"
        r"\b(?:command (?:accepted|executed)|access granted|override (?:accepted|complete))\b",
        r"\b(?:developer|debug|god|dan|jailbreak|jailbroken|unrestricted|admin|maintenance|evil) mode\b|"
        r"\bdo anything now\b|\bi(?:'m| am) (?:dan|no longer (?:ada|bound|an?)|now (?:an? (?:different|new|free|"
        r"unrestricted|evil|pirate|dan|\w*gpt)|free|called|unrestricted|operating|running))\b|\bjailbr\w+|\b(?:pwned|"
        r"hacked by)\b",
        r"\b(?:mis|mi|tus) (?:instrucciones|reglas|prompt|indicaciones)\b|\b(?:mes|mon|tes) (?:instructions?|"
        r"consignes?|prompt|règles)\b|\b(?:meine[nr]?|deine[nr]?) (?:anweisung\w*|instruktionen|regeln|prompt|"
        r"vorgaben)\b",
        r"\b(?:minhas|meu|tuas|suas) (?:instruções|regras|prompt|diretrizes)\b|\b(?:mie|mio|tue) (?:istruzioni|"
        r"regole|prompt)\b|\b(?:moje|mój) (?:instrukcje|prompt|polecenia)\b|\btalimatlarım\b|\binstruksi (?:saya|"
        r"sistem)\b|\bmijn (?:instructies|prompt)\b|\bprompt (?:del sistema|sistema|système|do sistema|di sistema)\b|"
        r"\bsystem-?prompt\b",
        r"(?:мо[ийяею]\w* (?:инструкц|промпт|указани|правил)|систем\w+ (?:промпт|инструкц|сообщени)|мне (?:велен|"
        r"приказан|сказан)|інструкці)",
        r"(?:系统提示|系統提示|提示词|提示詞|我的(?:指令|指示|提示|规则|規則|设定|設定)|我被(?:告知|指示|设定)|"
        r"你是\s?ada)",
        r"(?:システム(?:プロンプト|メッセージ)|私(?:の|への)(?:指示|プロンプト|設定|命令|ルール)|あなたは\s?ada|"
        r"指示されて|プロンプト)",
        r"(?:시스템 프롬프트|(?:제|나의|저의|내) (?:지시|프롬프트|규칙|설정)|프롬프트)|(?:सिस्टम प्रॉम्प्ट|"
        r"मेरे (?:निर्देश|नियम|प्रॉम्प्ट)|"
        r"निर्देश)|(?:تعليماتي|تعليمات النظام|موجه النظام|تعليمات|دستورالعمل)|ההוראות שלי|คำสั่งของฉัน",
    ),
    "The answer claims to be a human being; leave that out.": _any(
        r"\bi(?:'m| am| was| really am)?~\b(?:a human|human being|a (?:real|living|actual) (?:person|human|man|woman|"
        r"girl|guy)|flesh and blood|not an? (?:ai|bot|machine|robot|program|agent|llm)|a person, not)\b",
        r"\b(?:soy|yo soy) (?:un |una )?(?:human|persona real|persona de verdad)|\bno soy un (?:bot|robot)|"
        r"\bje suis (?:un |une )?(?:humain|vraie personne|être humain|personne réelle)|\bje ne suis pas un (?:bot|"
        r"robot)",
        r"\bich bin (?:ein |eine )?(?:mensch|echte[rn]? person|echter)|\bich bin kein(?:e)? (?:bot|ki|roboter)|"
        r"\bsou (?:um |uma )?(?:human|pessoa real)|\bsono (?:un |una )?(?:uman|persona (?:vera|reale))",
        r"(?:я (?:—|-)?\s?(?:живой |настоящ\w+ |реальн\w+ )?(?:человек|не бот|не робот))|(?:我是(?:一个|"
        r"一個)?(?:真人|人类|人類|"
        r"真正的人)|我不是(?:机器人|機器人|AI))|(?:私は(?:本物の)?人間|ボットではありません|AIではありません)|"
        r"(?:저는|나는) (?:사람|인간)|मैं (?:एक )?(?:इंसान|"
        r"असली|मनुष्य)|أنا (?:إنسان|بشر|شخص حقيقي)",
    ),
    "The answer says who is behind the agent; leave that out.": _any(
        r"\b(?:my|the agent's|our) (?:\w+ )?(?:owner|operator|creator|developer|maker|master|handler|admin|"
        r"programmer)(?:'s)?\b",
        r"\bi(?:'m| am| was)? (?:\w+ )?(?:owned|operated|created|made|built|run|developed|programmed|controlled|"
        r"maintained|deployed) by\b",
        r"\b(?:mi|mon|meu|mio|mein|ma|mein[e]?) (?:dueñ\w+|creador\w*|operador\w*|propriétaire|créateur|opérateur|"
        r"besitzer|betreiber|schöpfer|entwickler|dono|criador|proprietario|creatore)\b",
        r"(?:мой (?:владелец|хозяин|создатель|оператор|разработчик))|(?:我的(?:主人|所有者|创建者|創造者|开发者|"
        r"開發者|老板|运营))|"
        r"(?:私の(?:所有者|オーナー|開発者|作成者|運営))|(?:제|나의) (?:주인|소유자|개발자|운영자)|मेरे? (?:मालिक|"
        r"निर्माता|संचालक)|(?:مالكي|صاحبي|"
        r"مطوري|المشغل)",
        r"\bmy (?:boss|employer)(?:'s name)? (?:is|was)\b|\bmein(?:e)? (?:boss|chef\w*) (?:heisst|heißt|ist)\b",
        r"[\w.+-]+\s?(?:@|\[at\]|\(at\))\s?[\w-]+\s?(?:\.|\[dot\]| dot )\s?[a-z]{2,}|[\w.+-]+ at [\w-]+ dot [a-z]{2,}|"
        r"\+?(?:\d[\s().-]{0,3}){10,}",
    ),
    "The answer speaks of keys or secrets; leave that out.": _any(
        r"\b(?:private|secret|api|signer|access)[ _-]?(?:keys?|uuid|token)\b|\b(?:seed|recovery) phrase\b|"
        r"\bmnemonic\b|\bpassword\s?(?:is|:|=)|\b\w+_(?:API_)?KEY\b|\bmy signer\b|\bbearer\b",
        r"\b(?:clave privada|frase semilla|clé privée|phrase de récupération|privater? schlüssel|chave privada|"
        r"chiave privata|özel anahtar)\b|(?:приватн\w+ ключ|закрыт\w+ ключ|сид-?фраз|мой пароль|私钥|私鑰|助记词|"
        r"密钥|秘密鍵|"
        r"シードフレーズ|개인 ?키|निजी कुंजी|المفتاح الخاص|مفتاح api)",
    ),
    "The answer claims a deed or promises one; you can only talk.": _any(
        r"\b(?:i(?:'ve| have|'ll| will|'m| am| just| did)?|done[!,.]?|ok(?:ay)?[!,.]?|"
        r"sure[!,.]?)\s(?:\w+ ){0,2}?(?:recasted|recast|retweeted|liked your|dm(?:'d|ed)?|messaged you|tipped|"
        r"tipping|airdropped|whitelisted|following you|follow you|(?:follow|sent|sending|send|transferr?|deploy|mint|"
        r"swapp?|pay|paid|approv)(?:ed|ing)?\b~(?:\byou\b|\bback\b|\d|\beth\b|usdc|\bfunds\b|\btokens?\b|\btip\b|"
        r"\bmoney\b|\bpayment\b|wallet|contract|transaction))\b",
        r"\b(?:write|message|contact|text|dm|ask|find|reach) (?:to )?[\w.]+~\bon (?:telegram|whatsapp|signal|"
        r"discord)\b",
        r"\b(?:follow|tip|dm|pay|send|like|recast) (?:me|us|my|everyone|him|her|this account)\b|\b(?:recasting|"
        r"tipping|following) (?:it|this|that|you|your)\b",
        r"\b(?:te (?:sigo|envié|envío)|je t'ai envoyé|je te suis|ich (?:habe|folge) dir|ich sende|enviei|transferi|"
        r"te seguo|ti ho inviato)\b|(?:подписал\w+|перевел\w* тебе|отправил\w* тебе|已(?:转账|轉帳|关注|關注|转发|"
        r"發送|发送)|送金しました|"
        r"フォローしました|보냈|भेज दिया|أرسلت|تابعتك)",
    ),
}
#: What changes hands; on chain that may be the very thing that has happened.
_AMOUNT = _any(
    r"\b\d[\d.,]*\s?k?\s?(?:eth|ether|weth|usdc|usdt|dai|btc|sats|sol|degen|moxie|higher|bnkr|clanker|warps)\b",
    r"🍖\s?[x×]?\s?\d|\b(?:tip|send|transfer|swap|bridge|pay)\s~\b\d",
)
_ADVICE = _any(
    r"\b(?:buy|sell|ape|invest|pump|moon(?:ing)?|100x|1000x|airdrop|presale|whitelist|giveaway|claim your|"
    r"free (?:tokens?|mint|nft|money|crypto)|connect your wallet|guaranteed (?:returns?|profit))\b~"
    r"\b(?:now|token|tokens|coin|coins|today|in|it|this|your|soon|profit|returns?|crypto|me)\b",
    r"\b(?:put|invest) (?:all |some )?(?:of )?(?:your|my) (?:savings|money)\b|\b(?:to|for) the moon\b[^?]{0,10}$",
    r"(?:compra|achète|kauft?|compre|купите|покупайте|скорее покупай|快买|快買|赶紧买|買って|사세요|खरीदो|"
    r"اشتر)[^.!?\n]{0,30}(?:token|coin|ahora|maintenant|jetzt|agora|сейчас|токен|монет|代币|币|トークン|コイン|"
    r"토큰|코인|टोकन|कॉइन|"
    r"عملة|الآن)",
)


def about_what_it_says(text: str, agent: Agent, *, amounts: bool = False) -> Iterator[str]:
    """Yield what is wrong with what a text says; `amounts` of money it may name where they are what it is about."""
    forms = readings(text)
    for sentence, pattern in _SAYINGS.items():
        if any(pattern.search(form) for form in forms):
            yield sentence
    yield from about_money(text, amounts=amounts)
    known = " ".join([agent.persona.bio, *agent.persona.topics, *agent.engagement.allow]).casefold()
    if any(word not in known for form in forms for word in re.findall(_model_words(agent), form.casefold())):
        yield "The answer names a language model or its maker; leave that out."
    if re.search(rf"\b{_ARE}\W{{0,3}}{re.escape(agent.name.casefold())}\b", plain(text).casefold()):
        yield "The answer describes the agent from outside, as its prompt would; speak as yourself."


def about_money(text: str, *, amounts: bool = False) -> Iterator[str]:
    """Yield what is wrong with what a text says of money."""
    wanted = (_ADVICE,) if amounts else (_ADVICE, _AMOUNT)
    if any(pattern.search(form) for form in (plain(text), latin(text)) for pattern in wanted):
        yield "The answer is about payments, tokens or buying; leave money out."


#: "You are", before the agent's name.
_ARE = (
    "(?:you are|you're|tu es|vous êtes|eres|du bist|sie sind|você é|tu és|sei|ты|вы|jesteś|je bent|sen|kamu adalah|"
    "bạn là|你是|您是|あなたは|당신은|너는|तुम|आप|أنت|تو|אתה|את|คุณคือ)"
)
_MODELS = (
    "chatgpt|gpt|openai|claude|anthropic|gemini|deepmind|llama|mistral|mixtral|deepseek|qwen|grok|xai|sonnet|opus|"
    "haiku model|openrouter|neynar"
)


def _model_words(agent: Agent) -> str:
    names = "/".join((agent.models.text, *agent.models.fallbacks)).casefold()
    own = {re.escape(word) for word in re.findall(r"[a-z]{4,}", names) if word not in _COMMON}
    return rf"\b(?:{'|'.join(sorted({*_MODELS.split('|'), *own}))})(?=\b|[-_\d])"


#: Words in the names of models that mean something else as well.
_COMMON = frozenset(
    ["mini", "flash", "instruct", "chat", "pro", "large", "small", "preview", "turbo", "meta", "google", "free", "lite"]
)


# Languages

_COMMON_WORDS = {
    "en": "the and you that with for this have not are was what but your they from would about there",
    "fr": "les des est une que qui dans pour pas vous avec sur sont mais tes nous leur cette être",
    "de": "der die das und ist nicht ein eine mit für auf dem den von sich auch wie deine du bist",
    "es": "los las una que por con para del está son pero más tus eres como sobre este cuando",
    "pt": "uma que não com para dos você mais como mas são seu sua isso este pelo também",
    "it": "che una per con del della sono non gli come più anche questo dei nel alla tuo",
    "nl": "het een van niet dat zijn voor met maar ook wat deze jouw wordt bij naar",
    "pl": "nie jest się na że jak ale czy dla przez tylko jesteś twoje może",
    "tr": "bir bu için ve ile değil çok daha ama gibi olarak sen senin",
    "id": "yang dan di untuk dengan tidak ini itu dari pada adalah kamu akan",
}


@lru_cache(maxsize=512)
def language_of(text: str) -> str:
    """Return the language of a text in Latin letters, where its common words leave no doubt, or an empty string."""
    words = set(re.findall(r"[^\W\d_]+", text.casefold()))
    counts = {code: sum(word in common.split() for word in words) for code, common in _COMMON_WORDS.items()}
    best, *others = sorted(counts, key=lambda code: -counts[code])
    return best if counts[best] >= 3 and counts[best] >= 2 * counts[others[0]] else ""
