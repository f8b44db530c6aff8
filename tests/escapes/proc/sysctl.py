# tries: changing the kernel's settings, such as the program that is run for core dumps
# layer: kernel
def run(ctx, params):
    held = []
    for name in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper"):
        try:
            with open(name, "r+", encoding="ascii") as file:
                return f"ESCAPED: {name} is open for writing: {file.read(20)}"
        except OSError as error:
            held.append(error.errno)
    return f"held: {held}"
