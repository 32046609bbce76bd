"""What holds for every test: see the plugins."""

from hypothesis import HealthCheck, settings

pytest_plugins = ("tests.loop_guard", "tests.transport_guard", "tests.requirements_plugin", "tests.interop.table")

# How long an example takes says how busy the machine is, and nothing about the property. The same code gets the same
# examples, so that a run tells of the change that it tests; others are tried with `--hypothesis-profile=chance`.
settings.register_profile("chance", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("any machine", settings.get_profile("chance"), derandomize=True, database=None)
settings.load_profile("any machine")
