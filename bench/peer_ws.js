// WebSocket echo by the package ws of Node.js, without compression: PORT.
const { WebSocketServer } = require("ws");
new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]), perMessageDeflate: false })
	.on("connection", (socket) => socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })));
