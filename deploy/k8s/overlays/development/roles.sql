-- One role for each service, as production's operator makes them.
CREATE ROLE commonlot_bids LOGIN PASSWORD 'development';
CREATE ROLE commonlot_auctions LOGIN PASSWORD 'development';
CREATE ROLE commonlot_notify LOGIN PASSWORD 'development';
