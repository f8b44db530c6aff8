# tries: a handler for the end of the processor time that goes on
# layer: kernel
import signal


def run(ctx, params):
    try:
        signal.signal(signal.SIGXCPU, lambda number, frame: None)
    except OSError as error:
        return f"held: {error}"
    return "ESCAPED: a handler for the end of the time"
