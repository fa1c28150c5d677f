// An OpenID provider for the tests: node-oidc-provider, which the OpenID Foundation certified. One client, people from
// OIDC_PEOPLE (login → claims), its development pages to sign in on. Keys, clock and people come with each start.
import { pathToFileURL } from "node:url";

const { HOME_OF_MODULES, OIDC_PORT, OIDC_ISSUER, OIDC_CALLBACK, OIDC_BACK, OIDC_SECRET, OIDC_PEOPLE, OIDC_KEYS, OIDC_AHEAD_S } = process.env;
const ahead = Number(OIDC_AHEAD_S || 0) * 1000;
if (ahead) {
    const now = Date.now;
    Date.now = () => now() + ahead;
}
const { default: Provider } = await import(pathToFileURL(`${HOME_OF_MODULES}/node_modules/oidc-provider/lib/index.js`));
const people = JSON.parse(OIDC_PEOPLE);
const provider = new Provider(OIDC_ISSUER, {
    clients: [
        {
            client_id: "taxops",
            client_secret: OIDC_SECRET,
            redirect_uris: [OIDC_CALLBACK],
            post_logout_redirect_uris: [OIDC_BACK],
        },
    ],
    jwks: { keys: JSON.parse(OIDC_KEYS) },
    pkce: { required: () => true, methods: ["S256"] },
    claims: { openid: ["sub"], profile: ["preferred_username", "name"], email: ["email", "email_verified"] },
    features: { devInteractions: { enabled: true } },
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
    loadExistingGrant: async (ctx) => {
        const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
        grant.addOIDCScope("openid profile email");
        await grant.save();
        return grant;
    },
});
provider.listen(Number(OIDC_PORT), "127.0.0.1");
