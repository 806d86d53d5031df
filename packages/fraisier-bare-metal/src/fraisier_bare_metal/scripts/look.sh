# Reads what is in service, and changes nothing.
data clock "$(date +%s)"
look
