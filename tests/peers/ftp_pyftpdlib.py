"""pyftpdlib on the loopback: PORT ROOT CERTIFICATE-AND-KEY."""
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_FTPHandler
from pyftpdlib.servers import FTPServer

port, root, certificate = int(sys.argv[1]), sys.argv[2], sys.argv[3]
people = DummyAuthorizer()
people.add_user("rope", "strand", root, perm="elradfmwMT")
TLS_FTPHandler.authorizer = people
TLS_FTPHandler.certfile = certificate
# A wrong password is answered after three seconds otherwise.
TLS_FTPHandler.auth_failed_timeout = 0
server = FTPServer(("127.0.0.1", port), TLS_FTPHandler)
server.max_cons = 1024
server.serve_forever()
