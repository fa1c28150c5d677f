"""Intake: what an untrained person is asked, so that the next level can work with the answer."""
