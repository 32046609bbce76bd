"""What holds for every test: see the plugins."""

pytest_plugins = ("tests.loop_guard", "tests.transport_guard", "tests.requirements_plugin", "tests.interop.table")
