import type { TwilioAccount } from '../../src/channels/twilio-account.ts'

export const sid = `AC${'c3'.repeat(16)}`
export const message = `SM${'a1'.repeat(16)}`
export const media = `ME${'e5'.repeat(16)}`
export const person = 'whatsapp:+14155550100'
export const us = 'whatsapp:+14155238886'
export const basic = `Basic ${btoa('SKuser:planted-secret')}`

/** An account as it is configured, with a key whose secret must never show up anywhere. */
export const account: TwilioAccount = {
  sid,
  authTokens: ['0123456789abcdef0123456789abcdef'],
  sharedKeys: new Map(),
  rest: { user: 'SKuser', password: 'planted-secret' },
  senders: [us, '+14155238886'],
  allowed: '*',
  deletesMedia: false
}
