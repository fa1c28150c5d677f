"""What several processes must agree on: leases, and the book of periodic duties."""
