// The certified npm provider as a reference: everything in memory, one client, anybody may sign in.

import Provider from 'oidc-provider'

const [port, back] = process.argv.slice(2)
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'moodle',
    client_secret: 'moodle-secret',
    redirect_uris: [back],
    response_types: ['code'],
    grant_types: ['authorization_code'],
    token_endpoint_auth_method: 'client_secret_post',
  }],
  cookies: { keys: ['of the bench'] },
  claims: {
    openid: ['sub'],
    profile: ['name', 'given_name', 'family_name', 'preferred_username'],
    email: ['email', 'email_verified'],
  },
  pkce: { required: () => false },
  features: { devInteractions: { enabled: true } },
  async findAccount(_context, sub) {
    return {
      accountId: sub,
      claims: async () => ({
        sub,
        name: 'Примеров Пример',
        given_name: 'Пример',
        family_name: 'Примеров',
        preferred_username: sub,
        email: `${sub}@bench.invalid`,
        email_verified: false,
      }),
    }
  },
  // Nobody is asked for consent, as with us.
  async loadExistingGrant({ oidc }) {
    const grant = new oidc.provider.Grant({
      clientId: oidc.client.clientId,
      accountId: oidc.session.accountId,
    })
    grant.addOIDCScope('openid profile email')
    await grant.save()
    return grant
  },
})
provider.listen(Number(port), '127.0.0.1')
