import { webhookPaths } from '../channels/twilio-webhook.ts'
import type { Config } from '../config.ts'
import type { Finding } from './finding.ts'
import type { Probe, Probed } from './webhook-probe.ts'

/** What is known besides the answers: where the server listens, and whether it takes what is posted to it directly. */
export interface Surrounding {
  readonly config: Config
  readonly origin: string
  readonly takesDirectly: boolean
}

/** Reads from the answers at `PUBLIC_URL` whether Twilio's webhooks arrive there as they were signed, and if not, why. */
export function judgePublicUrl({ genuine, forged }: Probe, surrounding: Surrounding): Finding[] {
  const { publicUrl } = surrounding.config
  const name = 'public URL'
  const verdict = typeof genuine === 'string' ? unreachable(genuine, publicUrl) : judge(genuine, forged, surrounding)
  if (verdict !== null) return [{ level: 'wrong', name, ...verdict }]
  const arrives = 'A signed webhook arrives right'
  // The configuration takes http for a loopback host alone.
  if (publicUrl.startsWith('http:')) {
    return [
      { level: 'look', name, detail: `${arrives}; but ${publicUrl} is this machine itself, and Twilio cannot call it.` }
    ]
  }
  const url = publicUrl + webhookPaths.messages
  return [{ level: 'ok', name, detail: `${arrives}. Give Twilio ${url} (HTTP POST) for incoming messages.` }]
}

type Verdict = Pick<Finding, 'detail' | 'remedy'>
type Answer = Exclude<Probed, string>

function judge(genuine: Answer, forged: Probed, surrounding: Surrounding): Verdict | null {
  const { publicUrl } = surrounding.config
  const { status } = genuine
  if (status === 204 && typeof forged !== 'string' && forged.status === 403) return null
  if (status >= 200 && status < 300) {
    return {
      detail: `Something answers ${status} at ${publicUrl} and asks for no signature: that is not this server.`,
      remedy: `Let the proxy forward /webhooks/ to ${surrounding.origin}.`
    }
  }
  if (status === 403) return mismatch(genuine, surrounding)
  if (status >= 300 && status < 400) return redirected(genuine, publicUrl)
  if (status === 404 || status === 405) {
    return {
      detail: `${publicUrl} answers ${status}: the path ${webhookPaths.status} does not arrive here as a POST.`,
      remedy: `Let the proxy forward /webhooks/ to ${surrounding.origin} with path, query and body as they are.`
    }
  }
  if (status === 502 || status === 503 || status === 504) {
    return {
      detail: `The proxy at ${publicUrl} answers ${status}: it does not reach the server.`,
      remedy: `Point it to ${surrounding.origin}, and check that the server runs and may be reached from there.`
    }
  }
  return {
    detail: `${publicUrl} answers ${status} to a webhook that is in order.`,
    remedy: 'Look for this status in the logs of the proxy: the server itself answers 204.'
  }
}

function mismatch({ hasBody }: Answer, { config, takesDirectly }: Surrounding): Verdict {
  if (hasBody) {
    return {
      detail: '403 with a page: a firewall or proxy refused the request before it reached the server.',
      remedy: 'Let it pass POST requests to /webhooks/ without a challenge.'
    }
  }
  const signed = `403: the signature did not match. Signed is exactly ${config.publicUrl}${webhookPaths.status} and the form.`
  if (!takesDirectly) {
    return {
      detail: signed,
      remedy:
        'The server that answers has another PUBLIC_URL, TWILIO_ACCOUNT_SID or TWILIO_AUTH_TOKEN: start it again with this configuration.'
    }
  }
  return {
    detail: `${signed}\nPosted to the server directly, the same is taken: so it is changed on the way, or another server stands there.`,
    remedy:
      'Let the proxy pass path, query and body byte for byte (no rewriting, no added slash). "knomly doctor --signature …" tells what a given one was signed for.'
  }
}

function redirected({ status, location }: Answer, publicUrl: string): Verdict {
  const leads = location === null ? 'elsewhere' : `to ${new URL(location, publicUrl).origin}`
  return {
    detail: `${publicUrl} answers ${status} and redirects ${leads}: a webhook that is redirected loses its body or its signature.`,
    remedy: 'Set PUBLIC_URL to the origin that answers without a redirect, and give that one to Twilio.'
  }
}

function unreachable(code: string, publicUrl: string): Verdict {
  const { hostname, host } = new URL(publicUrl)
  if (/^(ENOTFOUND|EAI_AGAIN)$/.test(code)) {
    return {
      detail: `The name ${hostname} is not known to DNS (${code}).`,
      remedy: 'Correct PUBLIC_URL, or create the record.'
    }
  }
  if (/CERT|SIGNED|SIGNATURE|ISSUER|SSL|TLS|EPROTO/.test(code)) {
    return {
      detail: `TLS with ${host} fails (${code}): Twilio does not call a host whose certificate it cannot check.`,
      remedy: 'Give the proxy a valid certificate for this name, with its whole chain.'
    }
  }
  if (code === 'ECONNREFUSED') {
    return {
      detail: `Nothing listens on ${host}: the connection is refused.`,
      remedy: 'Start the proxy or tunnel, or correct the host and port of PUBLIC_URL.'
    }
  }
  return {
    detail: `${host} does not answer (${code}).`,
    remedy:
      'Check the firewall and the proxy. Some networks cannot reach their own public address: then try from outside.'
  }
}
