# Reads what is in service, and changes nothing.
look
