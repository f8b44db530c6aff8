# tries: another program by subprocess
# layer: kernel
import subprocess


def run(ctx, params):
    try:
        return f"ESCAPED: {subprocess.run(['/bin/sh', '-c', 'id'], capture_output=True, check=True).stdout}"
    except OSError as error:
        return f"held: {error}"
