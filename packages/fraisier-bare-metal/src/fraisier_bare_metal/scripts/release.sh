# Reads which release is in service, before another one is made.
tell_release
