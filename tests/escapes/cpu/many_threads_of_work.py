# tries: sharing the work among threads
# layer: kernel
# limits: seconds=0.5
import threading


def run(ctx, params):
    def work():
        while True:
            pass

    started = 0
    try:
        for _ in range(8):
            threading.Thread(target=work, daemon=True).start()
            started += 1
    except RuntimeError as error:
        if not started:
            return f"held: {error}"
    return f"ESCAPED: {started} threads"
