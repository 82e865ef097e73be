// Run beside its own node_modules: npm's esia begins or completes a sign-in.
const fs = require("fs");
const asked = JSON.parse(fs.readFileSync(0, "utf8"));
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
    process.stdout.write(JSON.stringify({ person: data[0], contacts: data[1] }));
  });
} else {
  process.stdout.write(JSON.stringify(client.getAuth()));
}
