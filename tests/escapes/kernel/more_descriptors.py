# tries: lifting the limit of descriptors and of file sizes
# layer: kernel
import resource


def run(ctx, params):
    held = []
    for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC):
        try:
            resource.setrlimit(limit, (1000, 1000))
            return f"ESCAPED: limit {limit} is {resource.getrlimit(limit)}"
        except (OSError, ValueError) as error:
            held.append(str(error))
    return f"held: {held}"
