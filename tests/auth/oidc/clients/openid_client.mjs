// The npm library openid-client as an application would use it. Speaks lines of JSON: the question
// comes in, the address to send the person to goes out; the address they came back to comes in,
// and what the library learnt goes out.

import * as readline from 'node:readline'
import * as oidc from 'openid-client'

const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const read = async () => JSON.parse((await lines.next()).value)
const say = (value) => console.log(JSON.stringify(value))

const asked = await read()
const config = await oidc.discovery(
  new URL(asked.issuer), asked.client_id, asked.client_secret, undefined,
  { execute: [oidc.allowInsecureRequests] },
)
const pkceCodeVerifier = oidc.randomPKCECodeVerifier()
const expectedState = oidc.randomState()
const expectedNonce = oidc.randomNonce()
say({
  url: oidc.buildAuthorizationUrl(config, {
    redirect_uri: asked.redirect_uri,
    scope: asked.scope,
    state: expectedState,
    nonce: expectedNonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  }).href,
})
const { back } = await read()
const tokens = await oidc.authorizationCodeGrant(config, new URL(back), {
  pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true,
})
const claims = tokens.claims()
const userinfo = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub)
const fresh = await oidc.refreshTokenGrant(config, tokens.refresh_token)
await oidc.tokenRevocation(config, fresh.refresh_token)
const after = await oidc.tokenIntrospection(config, fresh.access_token)
say({ claims, userinfo, refreshed: fresh.access_token !== tokens.access_token, active: after.active })
process.exit(0)
