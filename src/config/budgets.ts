import { z } from 'zod'
import { type Budgets, type BudgetsOf, defaultBudgets } from '../policy/budgets.ts'
import { readJsonFile } from './json-file.ts'
import type { Settings } from './variables.ts'

const most = 1_000_000_000
// An answer that refuses all that is open names each of them in one frame.
const mostOpen = 10
const amount = (max = most, min = 0) =>
  z
    .int(`must be a whole number from ${min} to ${max}`)
    .min(min, `must be a whole number from ${min} to ${max}`)
    .max(max, `must be a whole number from ${min} to ${max}`)
    .optional()

const shape = {
  messagesPerMinute: amount(most, 1),
  audioSecondsPerDay: amount(),
  tokensPerDay: amount(),
  callsPerHour: amount(),
  sendsPerDay: amount(),
  promptsPerHour: amount(),
  openQuestions: amount(mostOpen),
  failedCodesPerDay: amount(1_000)
}
const fileSchema = z.strictObject({ ...shape, tenants: z.record(z.string(), z.strictObject(shape)).optional() })
type File = z.infer<typeof fileSchema>

/**
 * How much one person may use: the defaults, over them what BUDGETS_FILE says for all, and over that what it says for a tenant.
 * What is wrong goes to `problems` as sentences.
 */
export function readBudgets(settings: Settings, tenants: readonly string[], problems: string[]): BudgetsOf {
  const path = settings.BUDGETS_FILE
  const about = { name: 'BUDGETS_FILE', schema: fileSchema }
  const file = path === undefined ? null : readJsonFile({ ...about, path }, problems, issues => issues.map(problemOf))
  const { tenants: own = {}, ...all }: File = file ?? {}
  const base: Budgets = { messagesPerMinute: settings.RATE_LIMIT_PER_SENDER, ...defaultBudgets, ...given(all) }
  const unknown = Object.keys(own).filter(tenant => !tenants.includes(tenant))
  if (unknown.length > 0) {
    problems.push(
      `BUDGETS_FILE at tenants names ${unknown.length} that no configured account has: name accounts by their SID.`
    )
  }
  const byTenant = new Map(tenants.map(tenant => [tenant, { ...base, ...given(own[tenant] ?? {}) }]))
  return tenant => byTenant.get(tenant) ?? base
}

/** A name of ours, or the SID of an account: whatever else somebody put there is not repeated. */
function shown(part: PropertyKey): string {
  const name = String(part)
  return name === 'tenants' || Object.hasOwn(shape, name) || /^AC[0-9a-f]{32}$/i.test(name) ? name : '…'
}

function given(budgets: Partial<Record<keyof Budgets, number | undefined>>): Partial<Budgets> {
  return Object.fromEntries(Object.entries(budgets).filter(([, value]) => value !== undefined))
}

function problemOf({ path, code, message }: z.core.$ZodIssue): string {
  const where = ['BUDGETS_FILE', ...(path.length > 0 ? [`at ${path.map(shown).join('.')}`] : [])].join(' ')
  const said = message.startsWith('must be ') ? message : 'does not fit'
  const what = code === 'unrecognized_keys' ? 'has a budget that is not known' : said
  return `${where} ${what}: compare it with the README.`
}
