// A receiver with nothing but Node's standard library: it verifies every delivery, and says so on a line each.
// It says its port first, and then waits for the secret on standard input: that comes with the registration.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

let secret = "";

function verify(request, body) {
  const header = request.headers;
  const hash = createHash("sha256").update(body).digest("base64");
  if (hash !== header["x-ms-content-sha256"]) return "hash differs";
  const signed = `POST\n${request.url}\n${header["x-ms-date"]};${header.host};${hash}`;
  const signature = createHmac("sha256", secret).update(signed, "utf8").digest("base64");
  const expected = Buffer.from(
    `HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=${signature}`,
  );
  const sent = Buffer.from(header.authorization ?? "");
  if (sent.length !== expected.length || !timingSafeEqual(sent, expected)) return "signature differs";
  return "genuine";
}

const server = createServer((request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", () => {
    const body = Buffer.concat(pieces);
    const found = verify(request, body);
    const event = JSON.parse(body);
    console.log(JSON.stringify({ found, type: event.eventType, id: request.headers["webhook-id"] }));
    response.writeHead(found === "genuine" ? 204 : 401).end();
  });
});
process.stdin.on("data", (text) => {
  secret = String(text).trim();
  console.log("ready");
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
