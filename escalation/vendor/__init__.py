"""The vendor's narrow workspace: only what was handed to it, only while it held it."""
