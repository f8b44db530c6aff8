"""The words the simulated writers choose from.

Placeholders: {topic} once per claim; {thing}, {other}, {place}, {unit} from the topic's bank; {n} a small number,
{big} a larger one, {day} a weekday; {s}, {is} and {has} agree with the topic.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bank:
    """Details that belong to a family of topics."""

    keywords: tuple[str, ...]
    things: tuple[str, ...]
    places: tuple[str, ...]
    units: tuple[str, ...]


OPENINGS = (
    "Small confession:",
    "Overheard this morning:",
    "Field note, {day}.",
    "I changed my mind about something.",
    "Nobody warned me about this part.",
    "Three years in, one lesson stuck:",
    "Unpopular, but here goes:",
    "A pattern I keep running into:",
    "Wrote this down on a napkin:",
    "Late thought before the kettle boils.",
    "Here is what surprised me on {day}:",
    "Quick observation from {place}:",
    "I used to argue the opposite.",
    "The boring version is usually true.",
    "Someone asked me for the short answer.",
    "Notes from {place}, part {n}.",
    "This took {big} tries to notice.",
    "Let me save you an afternoon.",
    "My favourite mistake this week:",
    "Here's a number worth keeping: {big}.",
    "Half a theory, fully awake:",
    "It finally clicked on the walk home.",
    "The question came up twice on {day}.",
    "Please argue with me about this one.",
    "Reading old notebooks again.",
    "A friend put it better than I could:",
    "Today's tiny win:",
    "You can tell a lot from {thing}.",
    "Every beginner asks, every veteran shrugs.",
    "Counted it properly this time: {big} {unit}.",
    "Slow morning, clear head.",
    "One rule I never regretted:",
    "Something odd happened at {place}.",
    "We talk too little about {thing}.",
    "Found the missing piece under {thing}.",
    "If I had to start over tomorrow:",
    "Ten minutes of {thing} taught me this.",
    "Turning a rant into something useful:",
    "Postcard from the middle of a project.",
    "The shortest meeting we ever had was about this.",
    "Good morning to everyone who fixes things quietly.",
)

CLAIMS = (
    "{topic} get{s} easier the day you stop skipping {thing}.",
    "most of {topic} is waiting well, and {thing} is how you practise.",
    "the loud part of {topic} is never the part that matters.",
    "I measured {topic} for {n} weeks, and {thing} explained more than talent did.",
    "{topic} reward{s} people who come back on the dull days.",
    "you learn {topic} with your hands first and your opinions much later.",
    "with {topic}, {n} careful {unit} beat {big} rushed ones.",
    "the best teacher of {topic} I know works at {place} and never posts.",
    "everything I believed about {topic} broke the first time {thing} failed.",
    "{topic} {is} less about taste than about {thing} and patience.",
    "people quit {topic} right before {thing} starts to pay off.",
    "a version of {topic} exists that fits in {n} {unit}, and it is the one I keep.",
    "if {topic} feel{s} hard, look at {thing} before you look at yourself.",
    "nine out of ten problems in {topic} turn out to be {thing} in disguise.",
    "the newcomers to {topic} ask better questions than we do.",
    "{topic} changed for me when somebody at {place} showed me {thing}.",
    "whoever says {topic} {is} solved has not met {thing}.",
    "{topic} {has} a secret: the second attempt costs half of the first.",
    "I trust {topic} advice only from people who show {thing}.",
    "the craft of {topic} hides in the {n} {unit} nobody films.",
    "to understand {topic}, spend one {day} with {thing} and no phone.",
    "{topic} and {thing} look unrelated until you try to do without either.",
    "there is no hurrying {topic}; you can only remove what slows you down.",
    "cheap tools, good habits: that is {topic} in four words.",
    "we overrate plans in {topic} and underrate {thing}.",
    "what I call luck in {topic} was mostly {big} {unit} of repetition.",
    "the people I admire in {topic} all keep a list of failures.",
    "{topic} at {place} taught me to leave the first idea alone overnight.",
    "a single page about {thing} improved my {topic} more than a whole shelf did.",
    "no amount of gear replaces {thing} when it comes to {topic}.",
    "{topic} become{s} generous once you share {thing} instead of results.",
    "the quiet revolution in {topic} was {thing} getting affordable.",
    "talking about {topic} is easy, and {thing} is how it answers back.",
    "I would trade {big} {unit} of theory for one honest hour of {topic}.",
    "you notice how {topic} work{s} only after {thing} goes missing.",
    "doing {topic} in public for {n} months cured me of perfectionism.",
    "the gap between good and great {topic} is about {n} {unit} wide.",
    "the trick to {topic} is knowing which {unit} to leave out.",
    "{topic} look{s} like magic from outside and like {thing} from inside.",
    "half of {topic} is maintenance, and that is the lovely half.",
    "my whole approach to {topic} now starts with {thing} and a blank page.",
)

TURNS = (
    "We tried it with {other} and kept {n} of the {big} results.",
    "At {place} they do it in {n} {unit} flat.",
    "Then {other} came along, and the arithmetic changed.",
    "It costs {n} {unit}; skipping it costs the week.",
    "The proof sits in {big} {unit} of scribbled notes.",
    "{other} did the rest.",
    "Nothing fancy, just {other} and a timer.",
    "My record is {n} {unit} without a single shortcut.",
    "I asked around {place}, and {n} people said the same.",
    "Swap in {other} and you hear the difference at once.",
    "{big} {unit} later I still stand by it.",
    "Ask anyone at {place} who has cleaned up after {other}.",
    "Start with {other}, stop after {n} {unit}, sleep on it.",
    "That is {big} small decisions, most of them about {other}.",
    "The old hands call it {other} and smile.",
    "Done twice it is a habit; done {big} times it is a style.",
    "Even {other} stops being scary by {day}.",
    "The first {n} {unit} are clumsy; let them be.",
    "On {day} I will test it with {other}.",
    "Somewhere between {other} and stubbornness it starts working.",
    "I kept the receipts: {big} {unit}, one regret.",
    "It survived {other}, so it will survive a Monday.",
    "Proper rest counts too, about {n} {unit} of it.",
)

ENDINGS = (
    "What would you have done?",
    "Who else has seen this?",
    "Where do you draw the line?",
    "What am I missing?",
    "Which half do you disagree with?",
    "Does that match your week?",
    "Tell me about your first attempt.",
    "How did you learn it?",
    "Would you keep it or cut it?",
    "What does your version look like?",
    "More on {day}.",
    "Now back to work.",
    "I'm keeping the notebook open.",
    "Worth a try before the weekend.",
    "That's the whole trick.",
    "Your turn.",
    "Still learning, still smiling.",
    "Small steps, warm hands.",
    "Happy to be proven wrong.",
    "Which tool would you miss most?",
    "Who taught you yours?",
    "Bring questions, I have tea.",
    "Start ugly, finish kind.",
    "See you at {place}?",
    "Let's compare notes.",
    "And yes, I checked twice.",
    "Be gentle with beginners.",
    "When did you last change your mind?",
    "Simple beats clever again.",
    "Next time with photos.",
    "Anyone near {place} doing this?",
)

EMOJI = ("🌱", "✨", "📓", "☕", "🔧", "🌊", "🎯", "🧭", "🪴", "🔍", "🚲", "🌙", "🧵", "🎈", "🪁", "🐢")

#: The first words of a thread, of its middle parts, and its last words; a claim and a turn stand beside them.
THREAD_STARTS = (
    "A few honest notes, in order.",
    "Bring {n} minutes and something warm.",
    "I spent {big} {unit} on this so that you can spend {n}.",
    "Some of what I know is wrong; this is the part I would bet on.",
    "On {day} at {place} we took it all apart on a table.",
    "People keep asking, so here is the long answer.",
    "It begins with {thing}, as so often.",
)

THREAD_LINKS = (
    "First, the dull part.",
    "Then comes {thing}.",
    "The turning point:",
    "Next, subtract.",
    "Easy to overlook:",
    "The hard part is social.",
    "Now compare.",
    "Rhythm before money:",
    "When it breaks, and it will:",
    "Let it rest for {n} {unit}.",
    "Ask for help early.",
    "A detail from {place}:",
    "Seen from the other side:",
)

THREAD_ENDS = (
    "If you try it by {day}, tell me what broke.",
    "The one I'd frame. Be early, be plain, start again.",
    "If you keep one line, keep this one.",
    "I will report back from {place}, failures included.",
    "None of it is new, and that is the good news.",
    "I still don't know why, and I like that.",
    "The rest is {thing} and patience.",
    "Whoever has a better way: I'm at {place} on {day}.",
    "After {big} {unit} this is all that is left standing.",
)

REPLIES = (
    "Fair point. With {topic} I'd look at {thing} first, {n} {unit} usually settle it.",
    "Thanks for asking! The short answer on {topic}: start with {thing}, then trust your eyes.",
    "That is kinder than I deserve. {thing} did most of it; I only stayed until {day}.",
    "Good question. We saw the same at {place}, and {other} turned out to be the cause.",
    "I'd put it the other way round: {thing} decides, and {topic} follow{s} a little later.",
    "Ha, yes. After {big} {unit} I still get that wrong one time in {n}.",
    "Honest answer: I don't know yet. I will try it with {other} on {day} and tell you.",
    "You may be right about {topic}. What would you use instead of {thing}?",
    "Happy to show you. Bring {thing} to {place} and plan for {n} {unit}.",
    "Agreed, and I would add {other}. It looks like a detail until it is missing.",
    "Tried exactly that. {n} {unit} in, {thing} gave up before I did.",
    "This made my {day}. Keep going, the part with {other} gets easier.",
    "Not quite how I see it: without {thing}, {topic} {is} only a plan.",
)

PICTURES = (
    "A wooden table by a window at {place}, on it {thing} and an empty cup; low morning light, seen from above.",
    "Two hands holding {thing}, the face out of the frame, warm lamp light, a dark workshop behind them.",
    "An empty corner of {place} after rain, {thing} left on a bench, soft grey light, wide view from a low angle.",
    "A very small figure beside an enormous version of {thing}, open field, late afternoon, long shadows, from afar.",
    "A quiet street near {place} at dusk, {thing} in a lit shop window, reflections on wet stone, medium distance.",
    "A shelf with {thing} between {other} and a green plant, side light, dust in the air, straight-on view.",
    "A bicycle leaning on a wall with {thing} in its basket, noon sun, strong shadow, seen from across the street.",
)

NEIGHBOUR_POSTS = (
    "gm from {place}. Anyone else busy with {thing} today?",
    "Reading about {topic} again and I have more questions than answers. {thing}, really?",
    "Looking for good people to follow on {topic}. Show me your {thing}!",
    "{big} {unit} of {topic} this month. My knees and my notebook both complain.",
    "Hot take: {thing} is overrated and {other} deserves a statue at {place}.",
    "If you could fix one thing about {topic} by {day}, what would it be?",
)

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

BANKS = (
    Bank(
        ("crypto", "base", "onchain", "token", "defi", "wallet", "nft", "ethereum", "usdc", "contract", "web3"),
        ("the block explorer", "a failed transaction", "gas at midnight", "a two-line contract", "the nonce",
         "a hardware wallet", "the mempool", "an audit report", "a testnet faucet", "a boring stablecoin",
         "a clear error message", "the finality delay"),
        ("the Base meetup", "a validator's garage", "the hackathon kitchen", "our testnet", "the docs channel"),
        ("blocks", "commits", "signatures", "confirmations", "pull requests"),
    ),
    Bank(
        ("ai", "model", "machine", "software", "code", "agent", "data", "tech", "robot", "engineer", "developer"),
        ("a failing test", "the log file", "a smaller model", "the evaluation set", "a rubber duck",
         "one honest benchmark", "the changelog", "an empty inbox", "a twelve-line script", "the retry queue",
         "a plain text file", "the rollback button"),
        ("the server room", "the night train", "our stand-up", "a library basement", "the demo table"),
        ("commits", "minutes", "test runs", "lines", "prompts"),
    ),
    Bank(
        ("cook", "food", "bread", "coffee", "recipe", "kitchen", "tea", "restaurant", "baking", "wine"),
        ("a sharp knife", "yesterday's dough", "the second rinse", "a hot pan", "salted water", "the slow simmer",
         "a pinch of vinegar", "the cast-iron lid", "a kitchen scale", "burnt garlic", "toasted cumin", "a cold oven"),
        ("the corner bakery", "the Saturday market", "my aunt's kitchen", "the roastery", "the noodle bar"),
        ("minutes", "grams", "spoonfuls", "batches", "loaves"),
    ),
    Bank(
        ("garden", "plant", "nature", "climate", "forest", "tree", "farm", "weather", "bird", "ocean", "sea", "energy"),
        ("a rain gauge", "the compost heap", "last autumn's seeds", "a north-facing wall", "morning frost",
         "the stubborn hedge", "a borrowed spade", "the blackbird", "wet leaves", "a cracked pot", "the long shadow",
         "the first swallow"),
        ("the allotment", "the river path", "the tree nursery", "a windy ridge", "the botanic garden"),
        ("seedlings", "mornings", "degrees", "buckets", "seasons"),
    ),
    Bank(
        ("music", "song", "guitar", "piano", "album", "concert", "jazz", "sound", "band"),
        ("the quiet bar", "a borrowed amp", "the B side", "one wrong note", "the metronome", "an open tuning",
         "the last chorus", "a demo tape", "the empty hall", "a worn string", "the drummer's grin",
         "a field recording"),
        ("the rehearsal room", "the record shop", "a church hall", "the back of the van", "the open stage"),
        ("takes", "bars", "rehearsals", "beats", "songs"),
    ),
    Bank(
        ("art", "design", "photo", "film", "draw", "paint", "poem", "writ", "book", "story", "museum", "fashion"),
        ("the first sketch", "a dull pencil", "white space", "the second draft", "natural light", "a torn page",
         "the margin note", "a borrowed lens", "the colour grey", "an unfinished frame", "the crossed-out line",
         "a cheap notebook"),
        ("the print shop", "the reading room", "a north-light studio", "the flea market", "the night bus"),
        ("drafts", "pages", "frames", "sketches", "rolls of film"),
    ),
    Bank(
        ("sport", "run", "fitness", "health", "bike", "cycl", "yoga", "football", "chess", "climb", "walk", "swim"),
        ("the warm-up", "an easy mile", "the spare tube", "a bad night's sleep", "the coach's whistle",
         "slow breathing", "the endgame", "a blister", "cold water", "the last hill", "a training diary",
         "the rest day"),
        ("the old track", "the lake", "the ferry pier", "the club house", "the long bridge"),
        ("kilometres", "laps", "sets", "breaths", "openings"),
    ),
    Bank(
        ("space", "science", "physics", "math", "star", "planet", "biology", "research", "history", "philosoph"),
        ("a noisy sensor", "the control group", "a chalkboard", "the error bar", "an old star map", "the null result",
         "a borrowed telescope", "the footnote", "a handwritten proof", "the outlier", "a paper from 1974",
         "the calibration run"),
        ("the observatory", "the archive", "the lab kitchen", "a lecture hall", "the reading group"),
        ("samples", "footnotes", "nights", "experiments", "pages"),
    ),
    Bank(
        ("business", "startup", "market", "money", "product", "invest", "work", "team", "remote", "community"),
        ("the unpaid invoice", "a short memo", "the exit interview", "one loyal customer", "a quiet refund",
         "the hiring page", "a slow launch", "the support inbox", "a shared calendar", "the second hire",
         "a walk instead of a call", "the boring contract"),
        ("the co-working kitchen", "a customer's office", "the trade fair", "the 07:40 train", "the balcony"),
        ("calls", "weeks", "customers", "invoices", "meetings"),
    ),
    Bank(
        (),
        ("a good checklist", "the second look", "a borrowed ladder", "the long way round", "a patient neighbour",
         "the spare key", "a quiet hour", "the first draft", "a window seat", "yesterday's leftovers", "a paper map",
         "the small print"),
        ("the corner café", "the night bus", "the market square", "the library", "the workshop"),
        ("mornings", "attempts", "notes", "minutes", "conversations"),
    ),
)  # fmt: skip
