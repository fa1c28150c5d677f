"""The demo province: believable, seeded data, so that somebody new sees the product alive in the first minute."""
