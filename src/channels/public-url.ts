/**
 * The canonical origin of the URL that Twilio calls (rule R1): https, or http for a loopback host; nothing but scheme, host and
 * port. Throws an Error whose message completes the sentence that starts with the name of the setting.
 */
export function parsePublicUrl(text: string): string {
  if (!URL.canParse(text))
    throw new Error('is not a URL: set it to the origin Twilio calls, such as https://voice.example.com')
  const { protocol, hostname, origin } = new URL(text)
  if (protocol !== 'https:' && !(protocol === 'http:' && isLoopback(hostname))) {
    throw new Error('is not https: Twilio must call https, and http works only for a loopback host')
  }
  if (text !== origin && text !== origin + defaultPort(origin)) {
    throw new Error(`is more than an origin, or is not in its canonical spelling: set it to ${origin}`)
  }
  return origin
}

/**
 * The origins Twilio may have signed for one public origin, which is canonical: as it is, without its port, or with the default
 * port where it has none. Twilio and its SDKs are not of one mind about the port (twilio-node `validateRequest`).
 */
export function signedOrigins(origin: string): readonly string[] {
  const port = /:\d+$/.exec(origin)
  return [origin, port === null ? origin + defaultPort(origin) : origin.slice(0, port.index)]
}

function defaultPort(origin: string): string {
  return origin.startsWith('https:') ? ':443' : ':80'
}

/** Whether a host is this machine: only there is http, or another API than Twilio's own, allowed. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
}
