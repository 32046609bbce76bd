"""The plugins that watch over every other test."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.requirements_plugin import lines

pytest_plugins = ("pytester",)


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A pytest run within this one, with the plugins at hand."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    pytester.makeini("[pytest]\nmarkers = req(id): a row\n")
    pytester.makeconftest('pytest_plugins = ("tests.loop_guard", "tests.transport_guard", "tests.requirements_plugin")')
    return pytester


async def test_an_exception_that_reaches_the_loop_is_seen(loop_errors: list[str]) -> None:
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert any("ZeroDivisionError" in text for text in loop_errors)
    loop_errors.clear()


async def test_a_task_that_fails_unseen_is_seen(loop_errors: list[str]) -> None:
    async def fail() -> None:
        raise ValueError("nobody looks")

    task = asyncio.create_task(fail())
    await asyncio.wait([task])
    del task
    assert any("nobody looks" in text for text in loop_errors)
    loop_errors.clear()


def test_a_connection_left_open_fails_the_test_that_left_it(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        """
        import asyncio

        kept = []

        async def serve_and_dial(leave_open):
            server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            await reader.read()
            server.close()
            kept.append(writer)
            if not leave_open:
                writer.close()
                await writer.wait_closed()

        def test_leaves():
            asyncio.run(serve_and_dial(True))

        def test_closes():
            asyncio.run(serve_and_dial(False))
        """
    )
    result = inner.runpytest_subprocess()
    result.assert_outcomes(errors=1, passed=2)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_leaves*", "connections that the test left open:"])


def test_it_fails_the_test_in_which_it_happened(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        """
        import asyncio

        def test_fails():
            loop = asyncio.new_event_loop()
            loop.call_soon(lambda: 1 / 0)
            loop.call_soon(loop.stop)
            loop.run_forever()
            loop.close()

        def test_passes():
            pass
        """
    )
    inner.runpytest_subprocess().assert_outcomes(failed=1, passed=1)


def test_rows_are_proven_by_tests_that_pass(inner: pytest.Pytester) -> None:
    inner.makepyfile(
        """
        import pytest

        @pytest.mark.req("R-PHONE-39")
        @pytest.mark.req("R-CALL-12", "O-05")
        def test_good(): pass

        @pytest.mark.req("R-CALL-12")
        def test_bad(): assert False

        @pytest.mark.req("R-PANEL-01")
        def test_skipped(): pytest.skip("no phone")
        """
    )
    inner.runpytest_subprocess("--requirements=out/rows.json").assert_outcomes(passed=1, failed=1, skipped=1)
    proven, failing = lines(json.loads((inner.path / "out" / "rows.json").read_text()))
    assert [line.partition("::")[2] for line in proven] == ["test_good", "test_good"]
    assert [line.split()[0] for line in proven] == ["O-05", "R-PHONE-39"]
    assert [line.split()[:2] for line in failing] == [["R-CALL-12", "fail"]]


def test_a_row_that_cannot_be_one_is_refused(inner: pytest.Pytester) -> None:
    inner.makepyfile('import pytest\n\n@pytest.mark.req("PHONE-39")\ndef test_it(): pass\n')
    assert inner.runpytest_subprocess().ret == pytest.ExitCode.USAGE_ERROR
