import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { warningSentences } from '../config/warnings.ts'
import { type Config, ConfigError, readConfig } from '../config.ts'
import { type Finding, printFindings } from '../doctor/finding.ts'
import { checkSpeech } from '../doctor/folder.ts'
import { judgePublicUrl } from '../doctor/public-url.ts'
import { checkServer } from '../doctor/server.ts'
import { explainSignature } from '../doctor/signature.ts'
import { checkStore } from '../doctor/store.ts'
import { checkTwilio } from '../doctor/twilio.ts'
import { probeWebhook } from '../doctor/webhook-probe.ts'
import { type Command, originOf } from './command.ts'

/**
 * `knomly doctor`: looks at the configuration, the server, the public URL, Twilio, the clock and the store, and says what is wrong and
 * what to do; with `--signature`, why a given one does not match. Exit code 1 where something is wrong. It shows no secret.
 */
export const doctor: Command = async (args, { env, screen }) => {
  const { values } = parseArgs({ args, options })
  const findings = await examine(env, values).catch(error => {
    if (error instanceof ConfigError) return error.problems.map(wrongSetting)
    throw error
  })
  printFindings(findings, screen)
  const wrong = findings.filter(({ level }) => level === 'wrong').length
  screen.print(wrong === 0 ? 'Nothing is wrong.' : `${wrong} ${wrong === 1 ? 'thing is' : 'things are'} wrong.`)
  return wrong === 0 ? 0 : 1
}

const options = {
  to: { type: 'string' },
  signature: { type: 'string' },
  url: { type: 'string' },
  body: { type: 'string' },
  host: { type: 'string', multiple: true, default: [] as string[] }
} as const

type Values = { to?: string; signature?: string; url?: string; body?: string; host: string[] }

async function examine(env: NodeJS.ProcessEnv, { to, signature, url, body, host }: Values): Promise<Finding[]> {
  const config = readConfig(env)
  if (signature === undefined && url === undefined && body === undefined) return checkAll(config, to)
  if (signature === undefined || url === undefined || body === undefined) {
    throw new Error(
      'To explain a signature, give all three: --signature, --url and --body (a file, or - for standard input).'
    )
  }
  return explainSignature({ signature, url, body: readBody(body), hosts: host }, config)
}

async function checkAll(config: Config, to: string | undefined): Promise<Finding[]> {
  const origin = originOf(config, to)
  const server = await checkServer(config, origin)
  // A server is met at its own address already: there is no way in between that could change anything.
  const isDirect = config.publicUrl === origin && !server.isUp
  const publicUrl = isDirect
    ? []
    : judgePublicUrl(await probeWebhook(config, config.publicUrl), {
        config,
        origin,
        takesDirectly: server.takesDirectly
      })
  return [
    ...checkSettings(config),
    ...server.findings,
    ...publicUrl,
    ...(await checkTwilio(config)),
    ...(await checkStore(config, server.isUp)),
    ...checkSpeech(config)
  ]
}

function checkSettings({ warnings, operatorToken }: Config): Finding[] {
  const looks: string[] = warnings.map(code => warningSentences[code])
  if (operatorToken === undefined) {
    looks.push(
      'OPERATOR_TOKEN is not set: the API answers 404, and "knomly send" and "timeline" cannot read (openssl rand -hex 32).'
    )
  }
  return [
    { level: 'ok', name: 'configuration', detail: 'It is complete and valid.' },
    ...looks.map(detail => ({ level: 'look', name: 'configuration', detail }) as const)
  ]
}

function wrongSetting(detail: string): Finding {
  return { level: 'wrong', name: 'configuration', detail }
}

function readBody(file: string): Buffer {
  try {
    return readFileSync(file === '-' ? 0 : file)
  } catch (cause) {
    throw new Error(`The file ${file} cannot be read: --body takes the form as it was posted.`, { cause })
  }
}
