# tries: threads without end
# layer: kernel
import threading
import time


def run(ctx, params):
    made = 0
    for _ in range(50):
        try:
            threading.Thread(target=time.sleep, args=(0.2,), daemon=True).start()
            made += 1
        except RuntimeError:
            break
    if made:
        return f"ESCAPED: {made} threads"
    return "held: not one thread"
