// Run beside its own node_modules: npm's esia begins a sign-in, and completes it. Reads lines of
// JSON and answers each with one.
const fs = require("fs");
const say = (value) => console.log(JSON.stringify(value));
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const asked = JSON.parse(line);
  const client = require("esia")({
    clientId: "SCHOOL01",
    redirectUri: "https://journal.example/esia",
    certificate: fs.readFileSync(asked.certificate_file, "utf8"),
    key: fs.readFileSync(asked.key_file, "utf8"),
    esiaUrl: asked.url,
    scope: asked.scope,
  });
  if (asked.code) {
    client.getAccess(asked.code, ["/", "/ctts?embed=(elements)"]).then(({ data }) => {
      say({ person: data[0], contacts: data[1] });
    });
  } else {
    say(client.getAuth());
  }
});
