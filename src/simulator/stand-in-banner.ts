/** What every screen that shows a stand-in says first. */
export const standInBanner =
  'Twilio and the language model on this screen are stand-ins (src/simulator); no account, no key, nothing leaves this machine.'
