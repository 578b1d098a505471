"""`make demo` as its user runs it: the output's parts, the files that it names, the exit status."""

import asyncio
import re
import sys
from pathlib import Path

import pytest
from bench.scene import CALLERS, Expectation

pytestmark = pytest.mark.wire

ROOT = Path(__file__).parents[2]
DEMO_WITHIN_S = 240.0
"""Under a minute on an idle machine; the first run also speaks every prompt, and tests may share two cores."""
WAV_HEADER_BYTES = 44


def size_of(file: str) -> int:
    """Bytes of a file that must be there."""
    return Path(file).stat().st_size


async def run_demo(directory: Path) -> tuple[int | None, str]:
    """Exit status and output."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.demo", "--directory", str(directory)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(DEMO_WITHIN_S):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    return process.returncode, output.decode()


async def test_demo_proves_all_it_promises(open_directory: Path) -> None:
    status, output = await run_demo(open_directory / "demo")
    assert status == 0, output
    assert f"{len(Expectation)} of {len(Expectation)} expectations came true" in output
    assert "NOT" not in output
    records = output.partition("Call detail records")[2].partition("Service level")[0]
    for caller in CALLERS:
        assert re.search(rf"{caller.name}.*{caller.number}.*{caller.outcome.value}", records), output
    assert re.search(r"service .*5 .*4 .*1 .*0 .*%", output.partition("Service level")[2]), output
    recordings = re.findall(r"^  (/\S+\.wav)  \w+, [\d.]+ s$", output, re.MULTILINE)
    assert len(recordings) == 4
    assert all(size_of(file) > WAV_HEADER_BYTES for file in recordings)
    ladder = output.partition("The VIP's call on the wire")[2]
    assert re.search(r"VIP +acdcore +agent 100[12]\n +0\.000 \|-+ INVITE sdp -+>\|", ladder), output


async def test_demo_leaves_a_directory_alone_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("keep me")
    status, output = await run_demo(tmp_path)
    assert status == 1
    assert output.strip().splitlines() == [
        f"acdcore demo: {tmp_path}: is not empty and no demo wrote it; name another with --directory"
    ]
    assert (tmp_path / "letter").read_text() == "keep me"
