# tries: raising the limit of the address space, then taking a gigabyte
# layer: kernel
import resource


def run(ctx, params):
    tried = []
    for limits in ((-1, -1), (1 << 40, 1 << 40)):
        try:
            resource.setrlimit(resource.RLIMIT_AS, limits)
            tried.append(limits)
        except (OSError, ValueError) as error:
            tried.append(str(error))
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    text = "x" * (1 << 30)
    return f"ESCAPED: {len(text):,} characters with {soft}, {hard}, {tried}"
