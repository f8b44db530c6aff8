# tries: ignoring every signal that can be ignored
# layer: kernel
import signal


def run(ctx, params):
    held = 0
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        try:
            signal.signal(number, signal.SIG_IGN)
            return f"ESCAPED: signal {number} is ignored"
        except OSError:
            held += 1
    return f"held: {held} signals"
