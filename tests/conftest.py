"""What holds for every test: see the plugins."""

from hypothesis import HealthCheck, settings

pytest_plugins = ("tests.loop_guard", "tests.transport_guard", "tests.requirements_plugin", "tests.interop.table")

# How long an example takes says how busy the machine is, and nothing about the property.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
