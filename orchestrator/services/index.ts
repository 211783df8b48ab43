export { redisOptions, type RedisEndpoint, type Services } from "./endpoints.ts";
