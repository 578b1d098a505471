"""`python -m bench.policies`: the dispatcher beside other policies on the same overloaded days."""
