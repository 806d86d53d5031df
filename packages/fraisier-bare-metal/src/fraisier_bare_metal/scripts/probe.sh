# A health check's own command, within its deadline.
# Takes: command seconds
cd "$app_path/current" 2>/dev/null || cd "$app_path" 2>/dev/null || cd /
exec timeout -k 1 "$seconds" /bin/sh -c "$command"
