# tries: the name of a codec makes Python import a module of that name
# layer: language
# plain: the codecs of plain Python refuse these names as well
def run(ctx, params):
    for name in ("os", "../os", "os.path", "ceos.sandbox.child", "mbcs", "rot13", "zlib", "undefined"):
        try:
            return f"ESCAPED: {'x'.encode(name)}"
        except (LookupError, ImportError, UnicodeError):
            continue
    return "held: no such codec"
