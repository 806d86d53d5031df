# A health check's own command, within its deadline.
# Takes: command seconds
cd "$app_path/current" 2>/dev/null || cd "$app_path" 2>/dev/null || cd /
fraisier_line=$command
become_line "$seconds" 1
