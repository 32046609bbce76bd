"""Ways to the outside: providers that we register with, and peers known by their address."""
