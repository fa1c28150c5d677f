"""Search: text → words, documents of every room, and the engines that find them (embedded or a cluster)."""
