export {
  planNetwork,
  spacesOf,
  type NetworkName,
  type NetworkPlan,
  type NetworkWish,
  type Space,
} from "./address-plan.ts";
export {
  createNetwork,
  enterNamespace,
  linkCommand,
  listNamespaces,
  namespaceFile,
  readNetwork,
  removeNetwork,
} from "./namespaces.ts";
