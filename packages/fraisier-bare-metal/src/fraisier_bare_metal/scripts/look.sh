# Reads what is in service, and how it is.
look
