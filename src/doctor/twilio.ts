import type { Config } from '../config.ts'
import { type Finding, ofAccount } from './finding.ts'
import { codeOf } from './webhook-probe.ts'

/** Looks whether the credentials of each account open Twilio's API, by reading one message, and how far this machine's clock is from Twilio's. */
export async function checkTwilio(config: Config): Promise<Finding[]> {
  const found = await Promise.all(config.accounts.map(account => checkAccount({ ...config, account })))
  return found.flatMap(([credentials, ...clock], i) => [
    ...(credentials === undefined ? [] : [ofAccount(credentials, config, i)]),
    ...(i === 0 ? clock : [])
  ])
}

async function checkAccount(config: Config): Promise<Finding[]> {
  const { sid, rest } = config.account
  const url = `${config.twilioApiUrl}/2010-04-01/Accounts/${sid}/Messages.json?PageSize=1`
  const authorization = `Basic ${Buffer.from(`${rest.user}:${rest.password}`).toString('base64')}`
  const started = Date.now()
  try {
    const response = await fetch(url, {
      headers: { authorization },
      redirect: 'manual',
      signal: AbortSignal.timeout(10_000)
    })
    const halfway = (started + Date.now()) / 2
    await response.body?.cancel()
    return [checkCredentials(config, response.status), ...checkClock(response.headers.get('date'), halfway)]
  } catch (error) {
    return [unreachable(config, codeOf(error))]
  }
}

const name = 'Twilio'

function checkCredentials({ account, twilioApiUrl }: Config, status: number): Finding {
  if (status === 200) return { level: 'ok', name, detail: `The credentials open ${twilioApiUrl}.` }
  const byKey = account.rest.user !== account.sid
  if (status === 401 || status === 403) {
    return {
      level: 'wrong',
      name,
      detail: `${twilioApiUrl} refuses the credentials (${status}): voice notes cannot be fetched, nor answers sent.`,
      remedy: byKey
        ? 'Check the API key and its secret (TWILIO_API_KEY_SID, TWILIO_API_KEY_SECRET): it must belong to the account (TWILIO_ACCOUNT_SID).'
        : 'Check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, or set an API key.'
    }
  }
  const remedy = 'Try again later; status.twilio.com tells of disturbances.'
  return { level: 'wrong', name, detail: `${twilioApiUrl} answers ${status}.`, remedy }
}

// The header counts whole seconds, and the way takes its time.
const lookAtMs = 3_000
const wrongAtMs = 60_000

function checkClock(date: string | null, halfway: number): Finding[] {
  const theirs = Date.parse(date ?? '')
  if (Number.isNaN(theirs)) return []
  const off = halfway - (theirs + 500)
  const level = Math.abs(off) > wrongAtMs ? 'wrong' : Math.abs(off) > lookAtMs ? 'look' : 'ok'
  if (level === 'ok') return [{ level, name: 'clock', detail: "It agrees with Twilio's." }]
  const detail = `It is ${Math.round(Math.abs(off) / 1_000)} s ${off > 0 ? 'ahead of' : 'behind'} Twilio's.`
  const remedy = 'Turn on time synchronisation: what was sent is looked up by its date after a crash.'
  return [{ level, name: 'clock', detail, remedy }]
}

function unreachable({ twilioApiUrl }: Config, code: string): Finding {
  const remedy =
    twilioApiUrl === 'https://api.twilio.com'
      ? 'Check DNS, the firewall and the way out of this network.'
      : 'Start a stand-in there ("knomly send" plays it for the duration), or remove TWILIO_API_URL to use the real Twilio.'
  const detail = `${twilioApiUrl} does not answer (${code}): voice notes cannot be fetched, nor answers sent.`
  return { level: 'wrong', name, detail, remedy }
}
