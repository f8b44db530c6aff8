# tries: making the kernel kill others first when memory runs out
# layer: kernel
def run(ctx, params):
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            return f"ESCAPED: {file.write('-1000')}"
    except OSError as error:
        return f"held: {error}"
