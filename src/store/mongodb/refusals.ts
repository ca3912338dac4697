const credentialsRefused =
  'MongoDB refuses the credentials of MONGODB_URI: correct them (authSource=… names the database that knows the user).'

/**
 * What the server says no to for good, by the code of the STORE_UNAVAILABLE that it becomes, with the sentence that says what to do
 * (https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml, AtlasError included).
 */
export const refusals: Readonly<Record<string, string>> = {
  'MongoServerError-18': credentialsRefused,
  'MongoServerError-8000': credentialsRefused,
  'MongoServerError-13':
    'MONGODB_URI may not use its database: name a user with the role readWrite on it (user:password@).'
}
