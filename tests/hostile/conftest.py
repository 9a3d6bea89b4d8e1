"""At the end of the long form, one table of all readers."""

from hostile.examine import TABLE


def pytest_terminal_summary(terminalreporter):
    if TABLE:
        terminalreporter.section("files from strangers")
        terminalreporter.write_line("| reader | files | read | refused | findings | slowest | memory |")
        terminalreporter.write_line("|---|--:|--:|--:|--:|--:|--:|")
        for name, one in TABLE.items():
            terminalreporter.write_line(
                f"| {name} | {one.read + one.refused:,} | {one.read:,} | {one.refused:,} | {len(one.findings)} "
                f"| {one.slowest:.2f} s | {one.memory / 2**20:.0f} MB |"
            )
