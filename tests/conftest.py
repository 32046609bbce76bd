"""What holds for every test: see the two plugins."""

pytest_plugins = ("tests.loop_guard", "tests.requirements_plugin")
