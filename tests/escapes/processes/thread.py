# tries: a thread that goes on when the call is over
# layer: kernel
import threading


def run(ctx, params):
    thread = threading.Thread(target=lambda: None)
    try:
        thread.start()
    except RuntimeError as error:
        return f"held: {error}"
    return "ESCAPED: a thread"
