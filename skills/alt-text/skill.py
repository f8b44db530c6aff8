"""A line that describes a picture, for readers who cannot see it or for whom it does not load.

Farcaster keeps no description with a picture, so it stands in the cast. The picture is made after the text, from what
the model says it shows; so it is the model that asks for the line, and tells this tool the same. The tool does what
models do badly: it keeps to what can be seen, keeps it short, and says how much room is left for the caption.
"""

import re
import unicodedata

LEAST_WORDS = 4
#: A screen reader says that it is a picture; the words need not.
INTRODUCTION = re.compile(
    r"^(?:(?:this|the|an?)\s+)?(?:[\w-]+\s+){0,2}?(?:image|picture|photo|photograph|illustration|painting|drawing|rendering|shot|close-up)"
    r"\s+(?:of|shows|showing|depicts|depicting|features|featuring)\s+",
    re.IGNORECASE,
)
LABEL = re.compile(r"^\W*(?:alt(?:[ -]text)?|image|picture|description)\s*:\s*", re.IGNORECASE)
#: Instructions to whoever makes the picture, which nobody sees in it.
CRAFT = re.compile(
    r"\b(?:\d+k|hd|uhd|(?:high|ultra|highly)[- ]?(?:res(?:olution)?|detail(?:ed)?|quality)|(?:photo|hyper)-?realistic|"
    r"depth of field|bokeh|\d+ ?mm(?: lens)?|f/\d[\d.]*|(?:wide|low|high)[- ]angle|eye[- ]level|(?:camera|lens)|"
    r"(?:close-up|medium|long|wide|tight|overhead) shot|shot (?:from|on|with)|cinematic|aspect ratio|masterpiece|"
    r"(?:digital|vector|pixel|concept) art|(?:watercolou?r|anime|minimalist) style|in the style of|"
    r"no (?:text|words|letters|logos?|people)|trending on|unreal engine|octane|midjourney)\b",
    re.IGNORECASE,
)


def run(ctx, params):
    """Return the line and the room that is left, or what is wrong with the description."""
    label = one_line(params.get("label", "Alt:"))
    shows = what_is_seen(params.get("shows", ""))
    if len(re.findall(r"\w+", shows)) < LEAST_WORDS and len(shows) < 12:
        return {
            "problem": f"Say what can be seen: the subject, what it does, where it is; at least {LEAST_WORDS} words."
        }
    shows = shortened(shows, params.get("max_chars", 125))
    line = f"{label} {shows}"
    # The caption and the line are two paragraphs.
    room = ctx.limit - len(line.encode()) - 2
    if room < ctx.limit // 3:
        return {"problem": f"The description leaves {max(room, 0)} bytes for the caption; say less of what is seen."}
    return {"line": line, "bytes": len(line.encode()), "room_for_caption": room}


def one_line(text):
    """Return a text on one line, without hidden characters."""
    return " ".join("".join(char for char in text if char.isspace() or is_visible(char)).split())


def is_visible(char):
    """Say whether a character is neither a control character nor a mark of direction and the like."""
    return char == "\u200d" or unicodedata.category(char) not in ("Cc", "Cf")


def what_is_seen(text):
    """Return a description without introduction, tags, emoji, addresses, and instructions for making the picture."""
    text = re.sub(r"https?://\S+|[*_`\"“”]+|(?<!\w)#(?=\w)", "", one_line(text)).strip("[]() ")
    text = "".join(char for char in text if unicodedata.category(char) != "So" and char not in "\ufe0f\u200d")
    text = INTRODUCTION.sub("", LABEL.sub("", text))
    sentences = [without_craft(sentence) for sentence in re.split(r"(?<=[.!?;])\s+", " ".join(text.split()))]
    return " ".join(sentence for sentence in sentences if sentence)


def without_craft(sentence):
    """Return a sentence without those of its clauses that only say how the picture is made."""
    clauses = [clause for clause in re.split(r",\s+", sentence.rstrip(" .;!?,")) if clause and not CRAFT.search(clause)]
    text = ", ".join(clauses)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def shortened(text, most):
    """Return a description of at most so many characters, that ends with a sentence or with a word."""
    if len(text) <= most:
        return text
    ends = [match.end() for match in re.finditer(r"[.!?](?=\s)", text[: most + 1])]
    if ends and ends[-1] >= most // 3:
        return text[: ends[-1]]
    text = text[: most - 1].rsplit(" ", 1)[0].rstrip(" ,;:.-")
    # A last clause of a word or two hangs in the air.
    whole = text.rsplit(", ", 1)[0]
    return f"{whole if len(whole) > most // 2 else text}."
