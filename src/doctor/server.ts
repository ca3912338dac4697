import type { Config } from '../config.ts'
import { type Finding, ofAccount } from './finding.ts'
import { type Probe, probeWebhook } from './webhook-probe.ts'

/** The running server as it is met on its own port. */
export interface ServerCheck {
  readonly findings: readonly Finding[]
  /** Whether a Knomly server answers there. */
  readonly isUp: boolean
  readonly takesDirectly: boolean
}

/** Looks whether the server answers on its own port, is ready, and runs with the configuration that is here. */
export async function checkServer(config: Config, origin: string): Promise<ServerCheck> {
  const name = 'server'
  const live = await ask(`${origin}/health/live`)
  if (live === null) {
    const remedy = 'Start it (npm start), or check PORT and HOST.'
    return missing({ level: 'wrong', name, detail: `Nothing answers on ${origin}: the port is closed.`, remedy })
  }
  if (!(live.json instanceof Object && 'live' in live.json)) {
    const detail = `What answers on ${origin} is no Knomly server.`
    return missing({ level: 'wrong', name, detail, remedy: 'Give this one another PORT, or stop the other program.' })
  }
  const probes = await Promise.all(config.accounts.map(account => probeWebhook({ ...config, account }, origin)))
  const token = await checkToken(config, origin)
  const secrets = probes.map((probe, i) => ofAccount(checkSameSecrets(probe, origin), config, i))
  const findings = [await checkReadiness(origin), ...secrets, ...token]
  return { findings, isUp: true, takesDirectly: probes.every(({ genuine }) => isStatus(genuine, 204)) }
}

function missing(finding: Finding): ServerCheck {
  return { findings: [finding], isUp: false, takesDirectly: false }
}

async function checkReadiness(origin: string): Promise<Finding> {
  const ready = await ask(`${origin}/health/ready`)
  const { checks = [] } = (ready?.json ?? {}) as { checks?: { name: string; ok: boolean }[] }
  const states = checks.map(check => `${check.name} ${check.ok ? 'ok' : 'not ok'}`).join(', ')
  if (ready?.status === 200) return { level: 'ok', name: 'server', detail: `Ready on ${origin} (${states}).` }
  const remedy =
    'Look for "alert" and "store.waiting" in its log: a full disk, a lost folder and a database that is away are the usual causes.'
  return { level: 'wrong', name: 'server', detail: `It runs on ${origin} and is not ready (${states}).`, remedy }
}

function checkSameSecrets({ genuine }: Probe, origin: string): Finding {
  const name = 'signature'
  if (isStatus(genuine, 204)) {
    return { level: 'ok', name, detail: 'The running server takes what is signed with this configuration.' }
  }
  if (isStatus(genuine, 403)) {
    return {
      level: 'wrong',
      name,
      detail: 'The running server refuses what is signed with this configuration (403).',
      remedy:
        'It runs with another PUBLIC_URL, TWILIO_ACCOUNT_SID or TWILIO_AUTH_TOKEN: start it again with this configuration.'
    }
  }
  const answer = typeof genuine === 'string' ? genuine : String(genuine.status)
  const remedy = 'Look at its log; after many refused requests wait a minute.'
  return { level: 'wrong', name, detail: `A signed webhook to ${origin} was met with ${answer}.`, remedy }
}

async function checkToken({ operatorToken }: Config, origin: string): Promise<Finding[]> {
  if (operatorToken === undefined) return []
  const name = 'operator API'
  const answer = await ask(`${origin}/api/conversations?limit=1`, { authorization: `Bearer ${operatorToken}` })
  if (answer?.status === 200) return [{ level: 'ok', name, detail: 'It opens with this OPERATOR_TOKEN.' }]
  const why =
    answer?.status === 404
      ? 'The running server has no OPERATOR_TOKEN.'
      : answer?.status === 401
        ? 'The running server has another OPERATOR_TOKEN.'
        : `The API answers ${answer?.status ?? 'nothing'}.`
  return [{ level: 'wrong', name, detail: why, remedy: 'Start the server again with this configuration.' }]
}

function isStatus(probed: Probe['genuine'], status: number): boolean {
  return typeof probed !== 'string' && probed.status === status
}

async function ask(
  url: string,
  headers: Record<string, string> = {}
): Promise<{ status: number; json: unknown } | null> {
  const response = await fetch(url, { headers, redirect: 'manual', signal: AbortSignal.timeout(10_000) }).catch(
    () => null
  )
  return response && { status: response.status, json: await response.json().catch(() => null) }
}
